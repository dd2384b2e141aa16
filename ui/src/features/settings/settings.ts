import { api, type Settings } from "../../api/client";
import { keys } from "../../api/keys";
import { queryClient } from "../../api/refetch";
import { attempt } from "../../ui/toasts";

export interface SectionProps {
  settings: Settings;
}

/** Changes the given settings. Omitted settings keep their values. */
export async function changeSettings(change: object): Promise<void> {
  queryClient.setQueryData(keys.settings, await api.changeSettings(change));
}

/** Changes the given settings and shows errors as a toast. */
export const changeQuietly = (change: object): void => void attempt(changeSettings(change));
