import type { ReactNode } from 'react';

/** Names and values, one to a line. */
export function Facts({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="facts-part">
      <h3>{title}</h3>
      <dl className="facts">{children}</dl>
    </section>
  );
}

/** `long`: text that needs a line of its own. */
export function Fact({ name, long = false, children }: { name: string; long?: boolean; children: ReactNode }) {
  return (
    <div className={long ? 'fact fact-long' : 'fact'}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
