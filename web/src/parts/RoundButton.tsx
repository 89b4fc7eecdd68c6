import { Icon, type IconName } from './Icon';

interface Props {
  icon: IconName;
  label: string;
  onClick(): void;
  /** `off`: its device is off; `active`: highlights something in progress; `danger`: ends something. */
  look?: 'plain' | 'off' | 'active' | 'danger' | 'small';
  /** For a button that switches something on and off. */
  pressed?: boolean;
  badge?: string;
  /** The problem of its device. */
  alert?: string | undefined;
  shortcut?: string;
  /** A shorter text than `label`, where the context is clear. */
  tip?: string;
}

/** A round button with a picture; its text is for screen readers, and a tooltip for pointer and focus. */
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
