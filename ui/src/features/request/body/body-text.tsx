import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, useRef, useState } from "react";

import { useCommands } from "../../../app/commands";
import { Choice } from "../../../ui/choice";
import type { Language } from "../../../ui/code-view";
import { identity } from "./identity";
import { jsonFormatted } from "./json";

const CodeView = lazy(() => import("../../../ui/code-view"));

/** A body as text. JSON can be formatted or shown as sent. */
export function BodyText({ bytes, language }: { bytes: Uint8Array<ArrayBuffer>; language: Language }) {
  const open = useRef<() => void>(undefined);
  useCommands({ find: () => open.current?.() });
  const [laidOut, setLaidOut] = useState(language === "json");
  const formatted = useQuery({
    queryKey: ["formatted", bytes],
    queryKeyHashFn: () => `formatted-${identity(bytes)}`,
    queryFn: () => jsonFormatted(bytes),
    enabled: laidOut && language === "json",
    gcTime: 0,
  });
  const sent = useMemo(() => new TextDecoder().decode(bytes), [bytes]);
  const text = laidOut && language === "json" ? formatted.data : sent;
  return (
    <div className="flex h-full flex-col">
      {language === "json" && (
        <div className="px-4 pt-2">
          <Choice
            label="Layout"
            value={laidOut ? "formatted" : "sent"}
            options={[
              ["formatted", "Formatted"],
              ["sent", "As sent"],
            ]}
            onChange={(now) => setLaidOut(now === "formatted")}
          />
        </div>
      )}
      <div className="min-h-0 flex-1">
        {text !== undefined && (
          <Suspense fallback={null}>
            <CodeView
              text={text ?? sent}
              language={language}
              label="Body as text"
              onSearch={(now) => (open.current = now)}
            />
          </Suspense>
        )}
      </div>
    </div>
  );
}
