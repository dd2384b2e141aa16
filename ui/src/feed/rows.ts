import type { Summary } from "../api/client";

/** Requests as a list shows them, wherever they come from. */
export interface Rows {
  readonly version: number;
  readonly length: number;
  /** Arrivals a reader who has scrolled away has not seen. */
  readonly unseen: number;
  readonly loaded: boolean;
  subscribe(listener: () => void): () => void;
  at(index: number): Summary | undefined;
  indexOf(id: string): number;
  follow(following: boolean): void;
  end(): void;
}
