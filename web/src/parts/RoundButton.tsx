import { Icon, type IconName } from './Icon';

interface Props {
  icon: IconName;
  label: string;
  onClick(): void;
  /** `off`: what it switches is off; `active`: something is going on that should be seen; `danger`: ends something. */
  look?: 'plain' | 'off' | 'active' | 'danger';
  /** For a button that switches something on and off. */
  pressed?: boolean;
  badge?: string;
  shortcut?: string;
}

/** A round button with a picture; its words are for screen readers and for the pointer that rests on it. */
export function RoundButton({ icon, label, onClick, look = 'plain', pressed, badge, shortcut }: Props) {
  return (
    <button
      type="button"
      className={`round round-${look}`}
      aria-label={label}
      title={shortcut ? `${label} (${shortcut.toUpperCase()})` : label}
      onClick={onClick}
      {...(pressed === undefined ? {} : { 'aria-pressed': pressed })}
      {...(shortcut ? { 'aria-keyshortcuts': shortcut } : {})}
    >
      <Icon name={icon} />
      {badge && <span className="badge">{badge}</span>}
    </button>
  );
}
