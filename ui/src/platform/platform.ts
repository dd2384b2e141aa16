/** The differences between the desktop window and a browser. No other module knows which one runs the page. */

import type { components } from "../api/schema.gen";

/** The engine's changes, in batches; `gone` when the place is lost and lists must be read again. */
export interface FeedListener {
  batch(items: readonly FeedItem[]): void;
  gone(): void;
}

/** One change of the engine, with its number. */
export type FeedItem = components["schemas"]["FeedItem"];

/** A file the user gave. */
export interface Incoming {
  name: string;
  /** Streams the file to a route and returns the response. */
  sendTo(route: string): Promise<unknown>;
}

export interface Platform {
  /** Calls the API; for `openapi-fetch` and for bytes. */
  fetch(request: Request): Promise<Response>;
  /** Follows the feed after a change's number; the result ends it. */
  subscribe(after: number, listener: FeedListener): () => void;
  copyText(text: string): Promise<void>;
  /** Streams the response of a route to a file. Returns its name, or null if the user picked none. */
  saveTo(route: string, name: string): Promise<string | null>;
  /** Asks for files to import; none if the user picked none. */
  pickFiles(): Promise<Incoming[]>;
  /** Hears of files that are dragged over the window (true), leave it (false) or are dropped into it; the result ends it. */
  onDrop(hear: (files: Incoming[] | boolean) => void): () => void;
  /** Asks for a place for a new file on the engine's machine; absent where only text can name one. */
  pickNewFile?: (name: string) => Promise<string | null>;
  /** Tells the user something though the window may not be seen; absent where the page is all there is. */
  notify?: (title: string, body: string) => void;
  /** Calls `ask` when the window was asked to close. */
  onClosing?: (ask: () => void) => void;
  close?: (keepListening: boolean) => Promise<void>;
  /** Hears of links to a view. */
  onShow?: (show: (view: string) => void) => void;
}

/** A failed call, in the API's form of an error. */
export class CallError extends Error {
  readonly code: string;
  readonly hint: string;
  constructor(error: { code?: string; message?: string; hint?: string } | undefined) {
    super(error?.message ?? "The engine did not answer.");
    this.code = error?.code ?? "no_answer";
    this.hint = error?.hint ?? "Try again; if it stays, restart Hookbench.";
  }
}

/** A failure in words, for the form it happened in. */
export const inWords = (failure: unknown): string => (failure instanceof Error ? failure.message : String(failure));
