/** The logo: a round port, seen from the front. */
export function Brand({ withName = true }: { withName?: boolean }) {
  return (
    <span className="brand">
      <svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="9" fill="var(--brand)" />
        <circle cx="16" cy="16" r="8.5" fill="none" stroke="#fff" strokeWidth="3" />
        <circle cx="16" cy="16" r="3" fill="#fff" />
      </svg>
      {withName ? <span>Monoport</span> : <span className="visually-hidden">Monoport</span>}
    </span>
  );
}
