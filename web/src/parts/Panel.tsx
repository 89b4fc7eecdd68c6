import { useEffect, useRef, type ReactNode } from 'react';
import { Icon } from './Icon';

/** Beside the pictures on a wide screen, over them on a phone. Escape closes it; the focus goes in and back out. */
export function Panel({ title, onClose, children }: { title: string; onClose(): void; children: ReactNode }) {
  const ref = useRef<HTMLElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    ref.current?.focus();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <aside
      ref={ref}
      className="panel"
      aria-label={title}
      tabIndex={-1}
      onKeyDown={(event) => event.key === 'Escape' && onClose()}
    >
      <header className="panel-head">
        <h2>{title}</h2>
        <button type="button" className="plain-button" aria-label={`Close ${title}`} onClick={onClose}>
          <Icon name="close" size={20} />
        </button>
      </header>
      <div className="panel-body">{children}</div>
    </aside>
  );
}
