/** The text for which the list was searched and that was found in the open request. */
import { createContext, useContext } from "react";

export const FoundText = createContext("");
export const useFoundText = (): string => useContext(FoundText);
