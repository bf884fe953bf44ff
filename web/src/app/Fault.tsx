import { Component, type ReactNode } from 'react';
import { words } from '../i18n';

/** The net below a screen: a fault shows words and a way on instead of an empty page. */
export class Fault extends Component<{ children: ReactNode }, { fallen: boolean }> {
  override state = { fallen: false };
  static getDerivedStateFromError() {
    return { fallen: true };
  }
  override render() {
    if (!this.state.fallen) return this.props.children;
    const t = words('core');
    return (
      <div className="state" role="alert">
        <strong>{t.error.title}</strong>
        <p>{t.error.crash}</p>
        <button type="button" className="button main" onClick={() => location.reload()}>
          {t.act.refresh}
        </button>
      </div>
    );
  }
}
