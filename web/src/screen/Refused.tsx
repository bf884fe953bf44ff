import { Link } from '@tanstack/react-router';
import { may, Refusal } from '../api/client';
import { say } from '../api/words';
import { words } from '../i18n';

/** Why something was refused. What is missing in the company's own data is filled in at the settings. */
export function Refused({ error, labelOf }: { error: unknown; labelOf?: (field: string) => string | undefined }) {
  if (error == null) return null;
  const isOurs = error instanceof Refusal && error.faults.some((fault) => fault.field.startsWith('seller.'));
  return (
    <p className="notice bad" role="alert">
      {say(error, labelOf)}
      {isOurs && may('setting:write') && <>{'\n'}<Link to="/settings">{words('core').nav.settings}</Link></>}
    </p>
  );
}
