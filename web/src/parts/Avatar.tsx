import { initials } from '../model/wording';

/** Hues on which white letters are legible. */
const HUES = [168, 204, 232, 262, 292, 330, 8, 28];

/** Initials on a colour derived from the name. */
export function Avatar({ name, size = 'large' }: { name: string; size?: 'large' | 'small' }) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)!) % 65_521;
  const hue = HUES[sum % HUES.length]!;
  return (
    <span className={`avatar avatar-${size}`} style={{ backgroundColor: `hsl(${hue} 42% 40%)` }} aria-hidden="true">
      {initials(name)}
    </span>
  );
}
