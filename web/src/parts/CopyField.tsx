import { useEffect, useState } from 'react';
import { copyText } from '../model/clipboard';
import { Icon } from './Icon';

const THANKS = 2_000;

/** A link with a button that copies it. */
export function CopyField({ label, link }: { label: string; link: string }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), THANKS);
    return () => clearTimeout(timer);
  }, [isCopied]);
  return (
    <div className="copy-field">
      <input readOnly aria-label={label} value={link} onFocus={(event) => event.target.select()} />
      <button type="button" className="button button-primary" onClick={() => void copyText(link).then(setCopied)}>
        <Icon name={isCopied ? 'check' : 'link'} size={18} />
        <span aria-live="polite">{isCopied ? 'Copied' : 'Copy'}</span>
      </button>
    </div>
  );
}
