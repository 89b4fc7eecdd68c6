/** One number, large. */
export function BigNumber({ name, value }: { name: string; value: string | null }) {
  return (
    <div className="number">
      <span className="number-value">{value ?? '–'}</span>
      <span className="number-name">{name}</span>
    </div>
  );
}
