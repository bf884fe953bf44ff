import { hue, initials } from './text';

/** A person's picture, or a letter on a colour. The name is always written beside it. */
export function Avatar({ name, picture, size = 36 }: { name: string; picture?: string | null; size?: number }) {
  // Pictures come from our own media store only; an address at a provider would tell it who looks.
  if (picture && (picture.startsWith('/') || picture.startsWith(location.origin))) {
    return <img className="avatar" src={picture} width={size} height={size} alt="" loading="lazy" />;
  }
  return (
    <svg className={`avatar hue-${hue(name, 8)}`} width={size} height={size} viewBox="0 0 36 36" aria-hidden="true">
      <circle cx="18" cy="18" r="18" />
      <text x="18" y="23.500" textAnchor="middle">
        {initials(name)}
      </text>
    </svg>
  );
}
