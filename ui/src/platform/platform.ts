/** The interface to the desktop window or the browser. Other modules do not depend on which of them runs the page. */

import type { components } from "../api/schema.gen";

/** A listener for the changes of the engine, in batches. `gone` means that changes are missing. */
export interface FeedListener {
  batch(items: readonly FeedItem[]): void;
  gone(): void;
}

/** A change of the engine with its sequence number. */
export type FeedItem = components["schemas"]["FeedItem"];

/** A file chosen or dropped by the user. */
export interface Incoming {
  name: string;
  /** Streams the file to a route and returns the response. */
  sendTo(route: string): Promise<unknown>;
}

/** A menu of the menu bar. An item is a command with its keys, or a line between groups. */
export interface PlatformMenu {
  title: string;
  items: readonly ({ id: string; title: string; accelerator?: string } | "-")[];
}

export interface Platform {
  /** Calls the API. */
  fetch(request: Request): Promise<Response>;
  /** Follows the feed after a sequence number. Returns a function that ends the subscription. */
  subscribe(after: number, listener: FeedListener): () => void;
  /** Shows the page at a factor of its size. */
  zoom(factor: number): void;
  copyText(text: string): Promise<void>;
  /** Opens another window at a path of the page. */
  openWindow(path: string): void;
  /** Shows a menu bar. `run` gets the id of the chosen item. Undefined in a browser, which has its own. */
  setMenu?: (menus: readonly PlatformMenu[], run: (id: string) => void) => void;
  /** Streams the response of a route to a file. Returns the file name, or null if the user canceled. */
  saveTo(route: string, name: string): Promise<string | null>;
  /** Asks for files to import. Returns an empty list if the user canceled. */
  pickFiles(): Promise<Incoming[]>;
  /**
   * Calls `hear` when files are dragged over the window (true), leave it (false) or are dropped. Returns a function
   * that ends it.
   */
  onDrop(hear: (files: Incoming[] | boolean) => void): () => void;
  /** Asks for the path of a new file. Undefined in a browser, where the path is typed. */
  pickNewFile?: (name: string) => Promise<string | null>;
  /** Shows a desktop notification. Undefined in a browser. */
  notify?: (title: string, body: string) => void;
  /** Calls `ask` when the user closes the window. */
  onClosing?: (ask: () => void) => void;
  close?: (keepListening: boolean) => Promise<void>;
  /** Calls `show` when a link to a view is opened. */
  onShow?: (show: (view: string) => void) => void;
}

/** A failed API call with code, message and hint. */
export class CallError extends Error {
  readonly code: string;
  readonly hint: string;
  constructor(error: { code?: string; message?: string; hint?: string } | undefined) {
    super(error?.message ?? "Hookbench did not respond.");
    this.code = error?.code ?? "no_answer";
    this.hint = error?.hint ?? "Try again. If the error persists, restart Hookbench.";
  }
}

/** Returns the message of an error. */
export const inWords = (failure: unknown): string => (failure instanceof Error ? failure.message : String(failure));
