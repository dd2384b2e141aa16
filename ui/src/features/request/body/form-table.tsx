import { visible } from "../../../ui/format";

/** An `application/x-www-form-urlencoded` body, field by field, in order with repeats. */
export function FormTable({ bytes }: { bytes: Uint8Array }) {
  const fields = [...new URLSearchParams(new TextDecoder().decode(bytes))];
  return (
    <div className="h-full overflow-auto p-4" tabIndex={0} role="region" aria-label="Form fields">
      <table className="w-full border-collapse text-left align-top">
        <thead className="sr-only">
          <tr>
            <th>Field</th>
            <th>Value</th>
          </tr>
        </thead>
        <tbody>
          {fields.map(([name, value], place) => (
            <tr key={place} className="border-b border-line">
              <th scope="row" className="py-1 pr-6 align-top font-mono text-data font-normal whitespace-pre text-key">
                {visible(name)}
              </th>
              <td className="py-1 font-mono text-data break-all whitespace-pre-wrap">{visible(value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
