/** Example calls to an inbox in several languages. The JSON contains no character that any of them must escape. */
export const CALLS: readonly { id: string; name: string; text: (url: string) => string }[] = [
  {
    id: "curl",
    name: "curl",
    text: (url) => `curl ${url} \\\n  -H 'Content-Type: application/json' \\\n  -d '{"event": "test"}'`,
  },
  { id: "httpie", name: "HTTPie", text: (url) => `http POST ${url} event=test` },
  {
    id: "powershell",
    name: "PowerShell",
    text: (url) =>
      `Invoke-RestMethod ${url} -Method Post \`\n  -ContentType application/json \`\n  -Body '{"event": "test"}'`,
  },
  {
    id: "fetch",
    name: "fetch",
    text: (url) =>
      `await fetch("${url}", {\n  method: "POST",\n  headers: { "Content-Type": "application/json" },\n  body: JSON.stringify({ event: "test" }),\n});`,
  },
  { id: "python", name: "Python", text: (url) => `import requests\n\nrequests.post("${url}", json={"event": "test"})` },
];
