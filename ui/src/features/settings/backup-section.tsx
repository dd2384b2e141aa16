import { useState } from "react";

import { api } from "../../api/client";
import { platform } from "../../platform";
import { Button } from "../../ui/button";
import { Input } from "../../ui/input";
import { attempt, tell } from "../../ui/toasts";
import { Section } from "./section";

export function BackupSection() {
  const [path, setPath] = useState("");
  const start = async (): Promise<void> => {
    const picked = platform.pickNewFile ? await attempt(platform.pickNewFile("hookbench-backup.db")) : path;
    if (picked && (await attempt(api.backup(picked)))) tell("Backup started");
  };
  return (
    <Section title="Backup">
      <p className="mb-3 text-ink-2">
        A backup is one file with the database, including secrets. To restore it into an empty data folder, run{" "}
        <code className="font-mono">hookbench restore FILE</code>.
      </p>
      <div className="flex items-end gap-2">
        {!platform.pickNewFile && (
          <Input
            mono
            aria-label="Backup file path"
            placeholder="/path/to/new/file.db"
            className="max-w-80"
            value={path}
            onChange={setPath}
          />
        )}
        <Button onClick={() => void start()}>Back up…</Button>
      </div>
    </Section>
  );
}
