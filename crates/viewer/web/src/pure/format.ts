/** Numbers as words for people. */
import { oneLine } from "./text";

/** A whole number with a comma between each three digits. */
export function whole(value: number): string {
  return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "1 request", "2,480 requests". */
export function counted(count: number, thing: string, things = `${thing}s`): string {
  return `${whole(count)} ${count === 1 ? thing : things}`;
}

function significant(value: number): string {
  // Round first: 9.996 must not become "10.00".
  const decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return value.toFixed(decimals);
}

/** A duration with three significant figures: "87 ms", "4.52 s", "10 m 02 s", "1 h 28 m". */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) {
    return "?";
  }
  if (ms < 0) {
    return `−${duration(-ms)}`;
  }
  if (ms < 999.5) {
    return ms > 0 && ms < 9.995 && !Number.isInteger(ms) ? `${ms.toFixed(2)} ms` : `${Math.round(ms)} ms`;
  }
  const seconds = ms / 1000;
  if (seconds < 59.95) {
    return `${significant(seconds)} s`;
  }
  // A duration is rounded before it is split: "9 m 60 s" cannot occur.
  const wholeSeconds = Math.round(seconds);
  if (wholeSeconds < 3600) {
    return `${Math.floor(wholeSeconds / 60)} m ${two(wholeSeconds % 60)} s`;
  }
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) {
    return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} m`;
  }
  const hours = Math.round(seconds / 3600);
  return `${whole(Math.floor(hours / 24))} d ${two(hours % 24)} h`;
}

function two(value: number): string {
  return value.toString().padStart(2, "0");
}

/** A point on the axis, as precise as the distance between two ticks asks for. */
export function clock(ms: number, step: number): string {
  if (ms < 1000 && step < 1000) {
    return `${ms.toFixed(step < 0.1 ? 2 : step < 1 ? 1 : 0)} ms`;
  }
  const decimals = step < 10 ? 3 : step < 100 ? 2 : step < 1000 ? 1 : 0;
  // Rounded before it is split.
  const total = Number((ms / 1000).toFixed(decimals));
  const [hours, minutes] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60)];
  const seconds = (total % 60).toFixed(decimals);
  if (hours > 0) {
    return step < 60_000 ? `${hours} h ${two(minutes)} m ${seconds.padStart(2, "0")} s` : `${hours} h ${two(minutes)} m`;
  }
  return minutes > 0 ? `${minutes} m ${seconds.padStart(decimals === 0 ? 2 : 3 + decimals, "0")} s` : `${seconds} s`;
}

/** Tokens in a few characters, where they are compared: "999", "7.6k", "31k", "1.66M". */
export function short(value: number): string {
  if (value < 1000) {
    return Math.round(value).toString();
  }
  if (value < 9950) {
    return `${(value / 1000).toFixed(1)}k`;
  }
  if (value < 999_500) {
    return `${Math.round(value / 1000)}k`;
  }
  const millions = value / 1_000_000;
  return millions < 999.5 ? `${significant(millions)}M` : `${significant(millions / 1000)}G`;
}

/** Bytes for people: "512 bytes", "17.1 kB". */
export function bytes(value: number): string {
  if (value < 1000) {
    return counted(value, "byte");
  }
  const kilo = value / 1000;
  if (kilo < 999.5) {
    return `${kilo < 99.95 ? kilo.toFixed(1) : kilo.toFixed(0)} kB`;
  }
  return kilo < 999_500 ? `${significant(kilo / 1000)} MB` : `${significant(kilo / 1_000_000)} GB`;
}

/** A share between 0 and 1: "56 %", "< 1 %", "> 99 %". */
export function percent(share: number): string {
  if (share > 0 && share < 0.01) {
    return "< 1 %";
  }
  if (share < 1 && share > 0.99) {
    return "> 99 %";
  }
  return `${Math.round(share * 100)} %`;
}

/** A share with one decimal, for columns of a table. */
export function percentExact(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** A date and time of the reader's zone, to the minute. */
export function dateTime(unixMs: number): string {
  const at = new Date(unixMs);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** A code such as `output_after_last_look` as words. A newer producer may have written any text in its place. */
export function words(code: string): string {
  return oneLine(code.replaceAll("_", " "), 120);
}
