import { chime, show } from '../../live/notify';

/** Shows and sounds once what a new message does; answers what the browser allows. */
export async function notifyTest(text: string): Promise<NotificationPermission> {
  chime();
  if (!('Notification' in window)) return 'denied';
  const permission = Notification.permission === 'default' ? await Notification.requestPermission() : Notification.permission;
  show('Sala', text, null);
  return permission;
}
