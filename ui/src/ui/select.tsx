/** Selects based on Base UI: `Select` for a few options, `SearchSelect` for many. */
import { Combobox } from "@base-ui/react/combobox";
import { Select as BaseSelect } from "@base-ui/react/select";
import { Check, ChevronsUpDown } from "lucide-react";
import { useRef, type ComponentPropsWithoutRef, type SyntheticEvent } from "react";

import { contains } from "./format";
import { INPUT } from "./input";

export type Options<T extends string> = readonly (readonly [value: T, name: string])[];

export interface SelectProps<T extends string> extends Omit<ComponentPropsWithoutRef<"button">, "value" | "onChange"> {
  value: T;
  onChange: (now: T) => void;
  options: Options<T>;
  /** Id of the label, which also names the list. */
  "aria-labelledby"?: string;
}

/** Options under a heading. */
export interface OptionGroup {
  label: string;
  options: Options<string>;
}

export interface SearchSelectProps extends Omit<ComponentPropsWithoutRef<"button">, "value" | "onChange"> {
  value: string;
  onChange: (now: string) => void;
  groups: readonly OptionGroup[];
  "aria-labelledby"?: string;
}

/** Notifies the surrounding dialog of a change in the form. */
const announceInput = (trigger: HTMLElement | null): boolean =>
  trigger?.dispatchEvent(new Event("input", { bubbles: true })) ?? false;

const stop = (event: SyntheticEvent): void => event.stopPropagation();

const TRIGGER = `${INPUT} flex items-center justify-between gap-2 text-left data-popup-open:bg-hover disabled:text-ink-3`;
const POPUP = "rounded-[7px] border border-line bg-pane p-1";
const ITEM =
  "grid cursor-default outline-none grid-cols-[16px_1fr] items-center gap-1 rounded-md py-1 pr-3 pl-1 data-highlighted:bg-selection";

/** A select for a few options. A letter key moves to the next option that starts with it. */
export function Select<T extends string>({
  value,
  onChange,
  options,
  className = "",
  disabled,
  ...rest
}: SelectProps<T>) {
  const trigger = useRef<HTMLButtonElement>(null);
  return (
    <BaseSelect.Root
      items={options.map(([one, name]) => ({ value: one, label: name }))}
      value={value}
      disabled={disabled}
      onValueChange={(now) => {
        if (now === null || now === value) return;
        onChange(now);
        announceInput(trigger.current);
      }}
    >
      <BaseSelect.Trigger ref={trigger} {...rest} className={`${TRIGGER} ${className}`}>
        <BaseSelect.Value className="truncate" />
        <BaseSelect.Icon className="text-ink-3">
          <ChevronsUpDown size={13} aria-hidden />
        </BaseSelect.Icon>
      </BaseSelect.Trigger>
      <BaseSelect.Portal>
        <BaseSelect.Positioner sideOffset={4} alignItemWithTrigger={false} className="z-60">
          <BaseSelect.Popup
            className={`max-h-[min(40vh,var(--available-height))] min-w-(--anchor-width) overflow-auto ${POPUP}`}
          >
            <BaseSelect.List data-options aria-label={rest["aria-label"]} aria-labelledby={rest["aria-labelledby"]}>
              {options.map(([one, name]) => (
                <BaseSelect.Item key={one} value={one} className={ITEM}>
                  <BaseSelect.ItemIndicator className="col-start-1">
                    <Check size={13} aria-hidden />
                  </BaseSelect.ItemIndicator>
                  <BaseSelect.ItemText className="col-start-2 truncate">{name}</BaseSelect.ItemText>
                </BaseSelect.Item>
              ))}
            </BaseSelect.List>
          </BaseSelect.Popup>
        </BaseSelect.Positioner>
      </BaseSelect.Portal>
    </BaseSelect.Root>
  );
}

interface Item {
  value: string;
  label: string;
}

interface Group {
  label: string;
  items: Item[];
}

const groupOf = ({ label, options }: OptionGroup): Group => ({
  label,
  items: options.map(([value, name]) => ({ value, label: name })),
});

/** A select for many options under headings, with a search input. */
export function SearchSelect({ value, onChange, groups, className = "", disabled, ...rest }: SearchSelectProps) {
  const trigger = useRef<HTMLButtonElement>(null);
  const shown = groups.filter(({ options }) => options.length > 0).map(groupOf);
  const chosen = shown.flatMap(({ items }) => items).find((item) => item.value === value) ?? null;
  return (
    <Combobox.Root
      items={shown}
      value={chosen}
      disabled={disabled}
      filter={(item: Item, text) => contains(item.label, text)}
      onValueChange={(now: Item | null) => {
        if (!now || now.value === value) return;
        onChange(now.value);
        announceInput(trigger.current);
      }}
      autoHighlight
    >
      <Combobox.Trigger ref={trigger} {...rest} className={`${TRIGGER} ${className}`}>
        <span className="truncate">{chosen?.label ?? value}</span>
        <Combobox.Icon className="text-ink-3">
          <ChevronsUpDown size={13} aria-hidden />
        </Combobox.Icon>
      </Combobox.Trigger>
      <Combobox.Portal>
        <Combobox.Positioner sideOffset={4} className="z-60">
          <Combobox.Popup
            aria-labelledby={rest["aria-labelledby"]}
            className={`w-[max(260px,var(--anchor-width))] ${POPUP}`}
          >
            <Combobox.Input
              onInput={stop}
              aria-label="Search options"
              placeholder="Search"
              className={`${INPUT} mb-1`}
            />
            <Combobox.Empty className="px-2 py-1 text-ink-2 empty:hidden">No match</Combobox.Empty>
            <Combobox.List
              aria-labelledby={rest["aria-labelledby"]}
              className="max-h-[min(40vh,calc(var(--available-height)-44px))] overflow-auto"
            >
              {(group: Group) => (
                <Combobox.Group key={group.label} items={group.items}>
                  <Combobox.GroupLabel className="px-2 pt-2 pb-1 text-small text-ink-2">
                    {group.label}
                  </Combobox.GroupLabel>
                  <Combobox.Collection>
                    {(item: Item) => (
                      <Combobox.Item key={item.value} value={item} className={ITEM}>
                        <Combobox.ItemIndicator className="col-start-1">
                          <Check size={13} aria-hidden />
                        </Combobox.ItemIndicator>
                        <span className="col-start-2 truncate">{item.label}</span>
                      </Combobox.Item>
                    )}
                  </Combobox.Collection>
                </Combobox.Group>
              )}
            </Combobox.List>
          </Combobox.Popup>
        </Combobox.Positioner>
      </Combobox.Portal>
    </Combobox.Root>
  );
}
