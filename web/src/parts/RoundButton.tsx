import { Icon, type IconName } from './Icon';

interface Props {
  icon: IconName;
  label: string;
  onClick(): void;
  /** `off`: what it switches is off; `active`: something is going on that should be seen; `danger`: ends something. */
  look?: 'plain' | 'off' | 'active' | 'danger' | 'small';
  /** For a button that switches something on and off. */
  pressed?: boolean;
  badge?: string;
  /** What is wrong behind it. */
  alert?: string | undefined;
  shortcut?: string;
  /** Fewer words than `label`, where the place says the rest. */
  tip?: string;
}

/** A round button with a picture; its words are for screen readers, and for the pointer or the focus that rests on it. */
export function RoundButton({
  icon,
  label,
  onClick,
  look = 'plain',
  pressed,
  badge,
  alert,
  shortcut,
  tip = label,
}: Props) {
  return (
    <button
      type="button"
      className={`round round-${look}`}
      aria-label={label}
      onClick={onClick}
      {...(pressed === undefined ? {} : { 'aria-pressed': pressed })}
      {...(shortcut ? { 'aria-keyshortcuts': shortcut } : {})}
      {...(alert ? { 'aria-description': alert } : {})}
    >
      <Icon name={icon} {...(look === 'small' ? { size: 18 } : {})} />
      {badge && <span className="badge">{badge}</span>}
      {alert && <span className="badge badge-alert">!</span>}
      <span className="tip" aria-hidden="true">
        {alert ?? tip}
        {shortcut && <kbd>{shortcut.toUpperCase()}</kbd>}
      </span>
    </button>
  );
}
