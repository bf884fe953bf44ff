// Telling a person who looks elsewhere that a customer has written.

/** Two short tones, made here: no sound file, no permission. */
export function chime(): void {
  try {
    const audio = new AudioContext();
    const gain = audio.createGain();
    gain.gain.setValueAtTime(0.08, audio.currentTime);
    gain.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.5);
    gain.connect(audio.destination);
    [660, 880].forEach((pitch, index) => {
      const tone = audio.createOscillator();
      tone.frequency.value = pitch;
      tone.connect(gain);
      tone.start(audio.currentTime + index * 0.14);
      tone.stop(audio.currentTime + index * 0.14 + 0.2);
    });
    setTimeout(() => void audio.close(), 900);
  } catch {
    // A browser without sound, or one that wants a click first.
  }
}

/** The browser's own notification; a click brings the window to the front and opens the room. */
export function show(title: string, text: string, open: (() => void) | null): void {
  if (!('Notification' in window) || Notification.permission !== 'granted') return;
  const note = new Notification(title, { body: text, tag: title, icon: `${import.meta.env.BASE_URL}icon.svg` });
  note.onclick = () => {
    window.focus();
    open?.();
    note.close();
  };
}
