/** A segmented control for a few values. */
export function Choice<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (now: T) => void;
}) {
  return (
    <div role="radiogroup" aria-label={label} className="inline-flex rounded-[7px] border border-line bg-hover p-px">
      {options.map(([option, name]) => (
        <button
          key={option}
          type="button"
          role="radio"
          aria-checked={option === value}
          tabIndex={option === value ? 0 : -1}
          onClick={() => onChange(option)}
          onKeyDown={(event) => {
            const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
            if (!step) return;
            event.preventDefault();
            event.stopPropagation();
            const at = (options.findIndex(([one]) => one === value) + step + options.length) % options.length;
            onChange(options[at]![0]);
            (event.currentTarget.parentElement?.children[at] as HTMLElement | undefined)?.focus();
          }}
          className={`rounded-md px-2.5 py-0.5 text-small ${option === value ? "bg-pane font-medium text-ink" : "text-ink-2"}`}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
