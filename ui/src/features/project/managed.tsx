import { FileCog } from "lucide-react";

import type { Project, ProjectResource } from "../../api/client";
import { useProjects } from "../../api/queries";
import { visible } from "../../ui/format";
import { Notice } from "../../ui/notice";

interface Props {
  type: ProjectResource["type"];
  /** ID of the resource. Undefined means any resource of this type. */
  id?: string;
}

/** Returns the project that manages a resource. */
function useManager({ type, id }: Props): Project | undefined {
  return useProjects().data?.items.find(({ resources }) =>
    resources.some((one) => one.type === type && (id === undefined || one.id === id)),
  );
}

/** Returns the last part of a path of any system. */
const fileName = (path: string): string => path.split(/[/\\]/).at(-1) ?? path;

/** Says which project file manages a resource, above what a person can change. Nothing if none does. */
export function Managed(props: Props) {
  const project = useManager(props);
  if (!project) return null;
  const what = {
    setting: "some of these settings",
    inbox: "this inbox",
    endpoint: "this endpoint",
    scenario: "this scenario",
    tunnel: "this tunnel",
  }[props.type];
  return (
    <div className="mb-3">
      <Notice icon={FileCog} tone="plain" title={`Managed by ${visible(fileName(project.file))}`}>
        The project {visible(project.name)} manages {what}. The next <code className="font-mono">hookbench up</code>{" "}
        undoes changes made here. To keep a change, edit{" "}
        <code className="font-mono text-data break-all">{visible(project.file)}</code>.
      </Notice>
    </div>
  );
}

/** Marks a resource that a project file manages: an icon, with the name of the file if there is room. */
export function ManagedMark({ named = false, ...props }: Props & { named?: boolean }) {
  const project = useManager(props);
  if (!project) return null;
  const name = visible(fileName(project.file));
  return (
    <span
      title={`Managed by ${visible(project.file)}`}
      className="inline-flex items-center gap-1 align-middle text-small whitespace-nowrap text-ink-2"
    >
      <FileCog size={14} aria-hidden className="shrink-0" />
      {named && <span aria-hidden>{name}</span>}
      <span className="sr-only">Managed by {name}</span>
    </span>
  );
}
