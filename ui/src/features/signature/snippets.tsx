import { useQuery } from "@tanstack/react-query";
import { Copy } from "lucide-react";

import { api, type Snippet } from "../../api/client";
import { IconButton } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { copyText } from "../../ui/transfer";
import { prefer, usePreferences } from "../../ui/preferences";

/** Code that verifies requests of a provider, in the preferred language. */
export function Snippets({ provider, scheme }: { provider: string; scheme?: string | null }) {
  const { language } = usePreferences();
  const { data } = useQuery({
    queryKey: ["snippets", provider, scheme],
    queryFn: () => api.snippets(provider, scheme ?? undefined),
    staleTime: Infinity,
  });
  if (!data) return null;
  if (data.items.length === 0)
    return (
      <p className="text-ink-2">
        No code sample: the signature does not use a shared secret, or uses a custom algorithm. Use the SDK of the
        vendor.
      </p>
    );
  return (
    <Code
      title="Verify in your code"
      items={data.items}
      chosen={language}
      onChoose={(now) => prefer({ language: now })}
    />
  );
}

/** A complete handler for requests of a provider, in the preferred framework. */
export function Handlers({ provider, scheme, signed }: { provider: string; scheme?: string | null; signed: boolean }) {
  const { framework } = usePreferences();
  const { data } = useQuery({
    queryKey: ["handlers", provider, scheme, signed],
    queryFn: () => api.handlers(provider, signed, scheme ?? undefined),
    staleTime: Infinity,
  });
  if (!data) return null;
  if (data.items.length === 0)
    return (
      <p className="text-ink-2">No code sample: the signature uses a custom algorithm. Use the SDK of the vendor.</p>
    );
  return (
    <Code
      title="Receive in your code"
      items={data.items}
      chosen={framework}
      onChoose={(now) => prefer({ framework: now })}
    />
  );
}

function Code({
  title,
  items,
  chosen,
  onChoose,
}: {
  title: string;
  items: Snippet[];
  chosen: string;
  onChoose: (now: string) => void;
}) {
  const shown = items.find(({ language }) => language === chosen) ?? items[0]!;
  return (
    <section aria-label={title}>
      <h3 className="mb-1 flex flex-wrap items-center gap-2 font-semibold">
        {title}
        <Choice
          label="Language"
          value={shown.language}
          options={items.map(({ language, name }) => [language, name] as const)}
          onChange={onChoose}
        />
        <IconButton label="Copy code" icon={Copy} onClick={() => copyText(shown.code, "code")} />
      </h3>
      <pre className="max-h-96 overflow-auto rounded-[9px] border border-line p-3 font-mono text-data" tabIndex={0}>
        {shown.code}
      </pre>
    </section>
  );
}
