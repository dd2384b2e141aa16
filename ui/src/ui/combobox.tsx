/** A text input with a list of suggestions, based on the Autocomplete of Base UI. */
import { Autocomplete } from "@base-ui/react/autocomplete";
import type { ComponentProps, ReactNode } from "react";

import { Field } from "./field";
import { contains } from "./format";
import { INPUT } from "./input";

/**
 * An input and its list in any layout. `ComboboxInput` keeps the focus, and the arrow keys
 * highlight an item of `ComboboxList`.
 */
export function Combobox<Item>({
  items,
  text,
  onText,
  onHighlight,
  highlightsFirst,
  children,
}: {
  /** Items of the list. An empty list is hidden. */
  items: readonly Item[];
  text: string;
  onText: (now: string) => void;
  onHighlight?: (item: Item | undefined) => void;
  /** True if Enter takes the first item before an arrow key was pressed. */
  highlightsFirst?: boolean;
  children: ReactNode;
}) {
  return (
    <Autocomplete.Root<Item>
      inline
      open={items.length > 0}
      mode="none"
      items={items}
      value={text}
      onValueChange={(now, { reason }) => reason === "input-change" && onText(now)}
      onItemHighlighted={onHighlight}
      autoHighlight={highlightsFirst ? "always" : false}
      highlightItemOnHover={false}
    >
      {children}
    </Autocomplete.Root>
  );
}

export const ComboboxInput = Autocomplete.Input;

/** A key pressed in the input. */
export type ComboboxKeyEvent = Parameters<NonNullable<ComponentProps<typeof Autocomplete.Input>["onKeyDown"]>>[0];

export function ComboboxList<Item>({
  label,
  className,
  itemKey,
  itemClass,
  onPick,
  children,
}: {
  label: string;
  className: string;
  itemKey: (item: Item, place: number) => string;
  itemClass: string;
  onPick: (item: Item) => void;
  children: (item: Item) => ReactNode;
}) {
  return (
    <Autocomplete.List aria-label={label} className={className}>
      {(item: Item, place: number) => (
        <Autocomplete.Item
          key={itemKey(item, place)}
          value={item}
          onClick={() => onPick(item)}
          className={({ highlighted }) => `${itemClass} ${highlighted ? "bg-selection" : "hover:bg-hover"}`}
          render={(props, { highlighted }) => <div {...props} aria-selected={highlighted} />}
        >
          {children(item)}
        </Autocomplete.Item>
      )}
    </Autocomplete.List>
  );
}

/** A text field with suggestions. */
export function ComboboxField({
  label,
  hint,
  value,
  onChange,
  options,
  ...rest
}: {
  label: string;
  hint?: ReactNode;
  value: string;
  onChange: (now: string) => void;
  options: readonly string[];
} & Pick<ComponentProps<"input">, "maxLength" | "placeholder">) {
  return (
    <Field label={label} hint={hint}>
      {(input) => (
        <Autocomplete.Root items={options} filter={contains} value={value} onValueChange={onChange} openOnInputClick>
          {/* Base UI hides the label from screen readers while the list is open, so the input needs its own name. */}
          <Autocomplete.Input {...input} {...rest} aria-label={label} className={INPUT} />
          <Autocomplete.Portal>
            <Autocomplete.Positioner sideOffset={4} className="z-60">
              <Autocomplete.Popup className="max-h-[40vh] w-(--anchor-width) overflow-auto rounded-[7px] border border-line bg-pane p-1 data-empty:hidden">
                <Autocomplete.List aria-label={`${label}: suggestions`}>
                  {(option: string) => (
                    <Autocomplete.Item
                      key={option}
                      value={option}
                      className="truncate rounded-md px-2 py-1 data-highlighted:bg-selection"
                    >
                      {option}
                    </Autocomplete.Item>
                  )}
                </Autocomplete.List>
              </Autocomplete.Popup>
            </Autocomplete.Positioner>
          </Autocomplete.Portal>
        </Autocomplete.Root>
      )}
    </Field>
  );
}
