/** Not every browser has it, and TypeScript's library does not. */
type Connection = EventTarget & { type?: string };

/** Calls `changed` when this device came back online or is now on another kind of network; returns how to stop. */
export function onNetworkChange(changed: (event: string) => void): () => void {
  const connection = (navigator as { connection?: Connection }).connection;
  let type = connection?.type;
  const online = () => changed('online');
  // Browsers also fire `change` for every new estimate of the speed.
  const retyped = () => {
    if (connection?.type === type) return;
    type = connection?.type;
    changed(`now ${type}`);
  };
  window.addEventListener('online', online);
  connection?.addEventListener('change', retyped);
  return () => {
    window.removeEventListener('online', online);
    connection?.removeEventListener('change', retyped);
  };
}
