/** Rectangles and lines of the canvas. */

type Context = CanvasRenderingContext2D;

/** Fills stretches of one height from left to right. Those of one color that are less than a pixel apart are one rectangle. */
export class RunFill {
  readonly #context: Context;
  readonly #y: number;
  readonly #height: number;
  #color = "";
  #from = 0;
  #to = 0;

  constructor(context: Context, y: number, height: number) {
    this.#context = context;
    this.#y = y;
    this.#height = height;
  }

  add(color: string, from: number, to: number): void {
    if (color === this.#color && from - this.#to < 1) {
      this.#to = Math.max(this.#to, to);
      return;
    }
    this.flush();
    this.#color = color;
    this.#from = from;
    this.#to = to;
  }

  /** Whether the run reaches to `to`, or is less than a pixel wide up to there; then `add` would draw nothing to be seen. */
  swallows(to: number): boolean {
    if (this.#color === "" || to > this.#to && to - this.#from >= 1) {
      return false;
    }
    this.#to = Math.max(this.#to, to);
    return true;
  }

  flush(): void {
    if (this.#color !== "") {
      this.#context.fillStyle = this.#color;
      this.#context.fillRect(this.#from, this.#y, Math.max(1, this.#to - this.#from), this.#height);
      this.#color = "";
    }
  }
}

export function dashedRect(context: Context, color: string, x: number, y: number, width: number, height: number): void {
  context.strokeStyle = color;
  context.lineWidth = 1;
  context.setLineDash([3, 2]);
  context.strokeRect(x + 0.5, y + 0.5, Math.max(1, width - 1), height - 1);
  context.setLineDash([]);
}

export function dottedLine(context: Context, x: number, from: number, to: number, color: string): void {
  context.strokeStyle = color;
  context.lineWidth = 1;
  context.setLineDash([1, 3]);
  context.beginPath();
  context.moveTo(x, from);
  context.lineTo(x, to);
  context.stroke();
  context.setLineDash([]);
}
