import type { Verdict } from '../model/verdict';
import { Icon, type IconName } from './Icon';

const ICONS: Record<Verdict['tone'], IconName> = { good: 'check', fair: 'warning', bad: 'close', busy: 'network' };

/** What all the numbers mean, in plain words; read out when it changes. */
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
