/**
 * Replaces a language that `Intl` rejects. WebKitGTK reports the language `C` if the locale of the system is C, and
 * libraries that format numbers fail with it.
 */
try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, "language", { value: "en", configurable: true });
}
