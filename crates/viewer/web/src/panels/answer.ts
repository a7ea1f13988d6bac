import { useEffect, useState } from "preact/hooks";

/** An answer of the program; `null` until it is here. */
export function useAnswer<T>(ask: () => Promise<T>, key: string): { answer: T | null; problem: string | null } {
  const [state, setState] = useState<{ key: string; answer: T | null; problem: string | null }>({ key: "", answer: null, problem: null });
  useEffect(() => {
    let gone = false;
    ask().then(
      (answer) => gone || setState({ key, answer, problem: null }),
      (error: unknown) => gone || setState({ key, answer: null, problem: error instanceof Error ? error.message : String(error) }),
    );
    return () => {
      gone = true;
    };
  }, [key]);
  return state.key === key ? state : { answer: null, problem: null };
}
