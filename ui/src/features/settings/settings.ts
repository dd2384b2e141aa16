import { api, type Settings } from "../../api/client";
import { keys } from "../../api/keys";
import { queryClient } from "../../api/refetch";
import { attempt } from "../../ui/toasts";

export interface SectionProps {
  settings: Settings;
}

/** Changes some settings: what is absent stays. */
export async function changeSettings(change: object): Promise<void> {
  queryClient.setQueryData(keys.settings, await api.changeSettings(change));
}

/** The same, where there is no field that says what failed. */
export const changeQuietly = (change: object): void => void attempt(changeSettings(change));
