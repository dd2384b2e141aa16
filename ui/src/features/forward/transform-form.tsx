/** Fields for the templates that change the body and headers of a forwarded request. */
import { useState } from "react";

import type { Forward } from "../../api/client";
import { TextAreaField } from "../../ui/field";
import { HeaderFields } from "../../ui/header-fields";

type Transform = NonNullable<Forward["transform"]>;

/** The templates of a forward. `of` makes the names of the fields unique in a form. */
export function TransformFields({
  value,
  of,
  onChange,
}: {
  value: Transform | null | undefined;
  of: string;
  onChange: (transform: Transform | null) => void;
}) {
  const [open] = useState(value != null);
  const { body, headers } = { body: value?.body ?? "", headers: value?.headers ?? [] };
  const change = (to: { body?: string; headers?: string[][] }): void => {
    const now = { body, headers, ...to };
    const isEmpty = now.body === "" && now.headers.length === 0;
    onChange(isEmpty ? null : { body: now.body === "" ? null : now.body, headers: now.headers });
  };
  return (
    <details open={open} className="mb-4 border-l-2 border-line pl-3">
      <summary className="mb-2 cursor-default font-medium">Templates</summary>
      <TextAreaField
        label={`Body template${of}`}
        hint="Replaces the body. Uses data of the request, such as {{ request.json.id }}. Re-sign if your app verifies signatures."
        rows={4}
        value={body}
        placeholder={'{"id": {{ request.json.id|json }}}'}
        onChange={(now) => change({ body: now })}
      />
      <HeaderFields
        legend="Header templates"
        of={` of the templates${of}`}
        headers={headers}
        onChange={(now) => change({ headers: now })}
      />
    </details>
  );
}
