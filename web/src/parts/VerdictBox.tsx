import type { Verdict } from '../model/verdict';
import { Icon, type IconName } from './Icon';

const ICONS: Record<Verdict['tone'], IconName> = { good: 'check', fair: 'warning', bad: 'close', busy: 'network' };

/** The meaning of the figures, in plain words; screen readers read it out when it changes. */
export function VerdictBox({ verdict }: { verdict: Verdict }) {
  const { tone, title, text, advice } = verdict;
  return (
    <div className={`verdict verdict-${tone}`} role="status">
      {tone === 'busy' ? <span className="spinner" aria-hidden="true" /> : <Icon name={ICONS[tone]} size={20} />}
      <div>
        <strong>{title}</strong>
        {text && <p>{text}</p>}
        {advice && <p className="verdict-advice">{advice}</p>}
      </div>
    </div>
  );
}
