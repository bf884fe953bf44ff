import { useQuery } from '@tanstack/react-query';
import { useEffect, useId, useImperativeHandle, useLayoutEffect, useRef, useState, type ClipboardEvent, type KeyboardEvent, type Ref } from 'react';
import { may, Refusal, session } from '../../api/client';
import { say } from '../../api/words';
import type { Colleague, Reply, Room } from '../../api/types';
import { prefer } from '../../app/session';
import { chordText, composing } from '../../keys';
import { lang, words } from '../../i18n';
import { formatClock, formatNumber } from '../../i18n/format';
import { post } from '../../live/post';
import { uuid7 } from '../../live/uuid';
import { useStore } from '../../store';
import { Button } from '../../ui/Button';
import { FileButton } from '../../ui/FileButton';
import { fold } from '../../ui/text';
import { listColleagues, listReplies, presence, previewMessage } from './api';
import { discard, drafts, open, sent, write, written } from './drafts';
import { useDrop } from './drop';
import { MOST, reopen, rest, sendAll, sending, stage, staged, stagedIn } from './files';
import { StagedFiles } from './StagedFiles';

/** Something that is offered while one types. */
interface Suggestion {
  id: string;
  word: string;
  title: string;
  more: string;
  /** The text that stands in the composer when it is taken. */
  take(): string;
}

export interface ComposerHandle {
  focus(mode?: 'reply' | 'note'): void;
}

interface Props {
  room: Room;
  /** A colleague who is writing in this room, too. */
  crossing: string | null;
  onSent(): void;
  /** Escape: back to the list. */
  onLeave(): void;
  ref?: Ref<ComposerHandle>;
}

/** Where answers and notes are written. What stands in it outlives the component, the page and the browser. */
export function Composer({ room, crossing, onSent, onLeave, ref }: Props) {
  const t = { ...words('inbox').compose, files: words('inbox').files };
  const me = useStore(session);
  const text = useStore(drafts).get(room.id) ?? written(room.id);
  const field = useRef<HTMLTextAreaElement>(null);
  const [ask, setAsk] = useState(false);
  const files = useStore(staged).get(room.id) ?? [];
  const waits = useStore(sending).has(room.id);
  const [said, setSaid] = useState({ text: '', bad: false });
  const [pick, setPick] = useState(0);
  const id = useId();
  const canReply = may('chat:write');
  const note = text.mode === 'note';
  const enterSends = me?.preferences.enterSends;
  const coarse = matchMedia('(pointer: coarse)').matches;

  useEffect(() => {
    void open(room.id);
    reopen(room.id);
  }, [room.id]);
  const waited = useRef(waits);
  useEffect(() => {
    // What waited for its files has gone out by itself.
    if (waited.current && !waits && stagedIn(room.id).length === 0) onSent();
    waited.current = waits;
  }, [waits, room.id, onSent]);
  useLayoutEffect(() => {
    const area = field.current;
    if (!area) return;
    area.style.height = 'auto';
    area.style.height = `${Math.min(area.scrollHeight + 2, innerHeight * 0.4)}px`;
  }, [text.content]);
  useImperativeHandle(ref, () => ({
    focus: (mode) => {
      if (mode && mode !== written(room.id).mode) write(room.id, { mode });
      const area = field.current;
      area?.focus();
      area?.setSelectionRange(area.value.length, area.value.length);
    },
  }));

  const slash = !note && /^\/[^\s/]*$/.test(text.content) ? fold(text.content.slice(1)) : null;
  const replies = useQuery({ queryKey: ['replies'], queryFn: listReplies, enabled: slash !== null, staleTime: 10 * 60_000 });
  const title = (reply: Reply) => (lang === 'th' ? reply.titleTh || reply.titleEn : reply.titleEn || reply.titleTh);
  const body = (reply: Reply) => (lang === 'th' ? reply.textTh || reply.textEn : reply.textEn || reply.textTh);
  // In a note, `@` and the beginning of a name offer colleagues.
  const naming = note ? /(?:^|\s)@([^\s@]*)$/.exec(text.content)?.[1] ?? null : null;
  const colleagues = useQuery({ queryKey: ['colleagues'], queryFn: listColleagues, enabled: note, staleTime: 5 * 60_000 });
  const short = (one: Colleague) => (one.nickname ?? one.name).replaceAll(' ', '\u00a0');
  const found: Suggestion[] =
    slash !== null
      ? (replies.data ?? []).filter((reply) => fold(`${reply.name} ${title(reply)}`).includes(slash)).slice(0, 8).map((reply) => ({ id: reply.id, word: `/${reply.name}`, title: title(reply), more: body(reply), take: () => body(reply).replaceAll('{name}', room.name) }))
      : naming !== null
        ? (colleagues.data ?? []).filter((one) => one.isActive !== false && fold(`${one.nickname ?? ''} ${one.name}`).includes(fold(naming))).slice(0, 8).map((one) => ({ id: one.id, word: `@${short(one)}`, title: one.name, more: one.teamName ?? '', take: () => `${text.content.slice(0, text.content.length - naming.length)}${short(one)} ` }))
        : [];
  const picked = Math.min(pick, found.length - 1);

  // Asked once the typing rests, so that what it costs and what is refused is known before it is sent.
  const [settled, setSettled] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setSettled(note ? '' : text.content.trim()), 1500);
    return () => clearTimeout(timer);
  }, [text.content, note]);
  const preview = useQuery({ queryKey: ['preview', room.id, settled], queryFn: () => previewMessage(room.id, { content: settled }), enabled: settled !== '' && canReply && navigator.onLine, staleTime: 60_000, gcTime: 60_000, retry: false });
  const told = !note && settled !== '' && settled === text.content.trim() ? preview.data : undefined;
  const costs = (() => {
    if (told?.route === 'ask') return t.asks;
    if (told?.route === 'stopped') return t.stopped;
    if (room.freeReplyUntil && room.freeReplyUntil > Date.now()) return t.freeUntil(formatClock(room.freeReplyUntil));
    if (room.platform !== 'line') return '';
    return told?.route === 'push' && told.quotaLimit !== null ? t.paidOf(formatNumber(told.quotaUsed ?? 0), formatNumber(told.quotaLimit)) : t.paid;
  })();

  const typed = useRef(0);
  function onType(content: string) {
    write(room.id, { content });
    setPick(0);
    if (!note && content && Date.now() - typed.current > 3000) {
      typed.current = Date.now();
      void presence({ roomId: room.id, typing: true });
    }
  }

  function send() {
    // Read from the field, not from the state: the last syllable of a composition may be in the field only.
    const typedText = field.current?.value ?? text.content;
    if (!canReply) return;
    if (written(room.id).mode !== 'note') {
      if (typedText !== written(room.id).content) write(room.id, { content: typedText });
      const outcome = sendAll(room.id);
      setSaid(outcome === 'stuck' ? { text: t.files.stuck, bad: true } : { text: '', bad: false });
      if (outcome === 'sent') onSent();
      return;
    }
    const content = typedText.trim();
    if (!content) return;
    sent(room.id);
    const mentions = (colleagues.data ?? []).filter((one) => content.includes(`@${short(one)}`)).map((one) => one.id);
    void post({ id: uuid7(), roomId: room.id, kind: 'note', type: 'message', content, mentions, at: Date.now() });
    discard(room.id);
    onSent();
  }

  function insert(chosen: Suggestion) {
    write(room.id, { content: chosen.take() });
    requestAnimationFrame(() => field.current?.focus());
  }

  function onKey(event: KeyboardEvent<HTMLTextAreaElement>) {
    const mod = event.ctrlKey || event.metaKey;
    if (event.key === 'Enter' && mod) {
      event.preventDefault();
      send();
      return;
    }
    if (composing(event.nativeEvent)) return;
    if (found.length > 0 && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault();
      setPick(Math.max(0, Math.min(found.length - 1, picked + (event.key === 'ArrowDown' ? 1 : -1))));
      return;
    }
    const chosen = found[picked];
    if (chosen && (event.key === 'Enter' || event.key === 'Tab')) {
      event.preventDefault();
      insert(chosen);
      return;
    }
    if (event.key === 'Escape') {
      event.preventDefault();
      if (waits) rest(room.id);
      else if (ask) setAsk(false);
      else if (slash !== null) write(room.id, { content: '' });
      else onLeave();
      return;
    }
    if (event.key === 'Enter' && !event.shiftKey && !coarse) {
      if (enterSends === undefined) {
        event.preventDefault();
        if (field.current?.value.trim() || (!note && files.length > 0)) setAsk(true);
      } else if (enterSends) {
        event.preventDefault();
        send();
      }
    }
  }

  /** Stages files. What there is no room for is said. */
  function attach(chosen: readonly File[]) {
    if (chosen.length === 0) return;
    const over = stage(room.id, chosen);
    setSaid(over > 0 ? { text: t.files.many(MOST), bad: true } : { text: t.files.added(stagedIn(room.id).length), bad: false });
  }

  function onPaste(event: ClipboardEvent<HTMLTextAreaElement>) {
    const files = [...event.clipboardData.files];
    // Office programs give a picture of a text beside it: then the text is meant.
    if (files.length === 0 || event.clipboardData.types.includes('text/plain')) return;
    event.preventDefault();
    attach(files.map((file) => (/^image\.\w+$/.test(file.name) ? new File([file], `${t.files.pasted} ${formatClock(Date.now()).replace(':', '.')}${file.name.slice(5)}`, { type: file.type }) : file)));
  }

  const dropping = useDrop(canReply, (dropped) => {
    attach(dropped);
    field.current?.focus();
  });

  if (!canReply) return <p className="composer hint">{t.readOnly}</p>;
  return (
    <section className={note ? 'composer is-note' : 'composer'} aria-label={t.label}>
      {text.other !== undefined && (
        <div className="notice warn">
          <p>{t.other}</p>
          <blockquote className="pre">{text.other}</blockquote>
          <div className="bar">
            <Button onClick={() => write(room.id, { content: text.other ?? '', other: undefined })}>{t.useOther}</Button>
            <Button onClick={() => write(room.id, { other: undefined })}>{t.keepMine}</Button>
          </div>
        </div>
      )}
      {ask && (
        <div className="notice" role="group" aria-label={t.enterQuestion}>
          <p><strong>{t.enterQuestion}</strong></p>
          <div className="bar">
            <Button autoFocus onClick={() => { void prefer({ enterSends: true }); setAsk(false); send(); field.current?.focus(); }}>{t.enterSends}</Button>
            <Button onClick={() => { void prefer({ enterSends: false }); setAsk(false); field.current?.focus(); }}>{t.ctrlSends(chordText('Mod+Enter'))}</Button>
          </div>
        </div>
      )}
      {found.length > 0 && (
        <ul className="templates popover" role="listbox" id={`${id}-list`} aria-label={naming === null ? t.templates : t.colleagues}>
          {found.map((one, index) => (
            <li key={one.id} id={`${id}-${index}`} role="option" aria-selected={index === picked} onMouseDown={(event) => { event.preventDefault(); insert(one); }}>
              <strong>{one.word}</strong>{' '}
              <span>{one.title}</span>
              <span className="line muted">{one.more}</span>
            </li>
          ))}
        </ul>
      )}
      <div className="composer-top">
        <div className="modes" role="group" aria-label={t.mode}>
          <button type="button" aria-pressed={!note} onClick={() => { write(room.id, { mode: 'reply' }); field.current?.focus(); }}>{t.reply}</button>
          <button type="button" aria-pressed={note} onClick={() => { write(room.id, { mode: 'note' }); field.current?.focus(); }}>{t.note}</button>
        </div>
        <span className="small composer-cost">
          {note ? t.noteWarning : crossing ? t.crossing(crossing) : room.status === 'closed' ? t.closed : costs}
        </span>
      </div>
      {told && told.faults.length > 0 && <p className="fault" role="status">{say(new Refusal(400, told.faults, null, null))}</p>}
      <textarea
        ref={field}
        id="composer"
        rows={2}
        aria-label={note ? t.note : t.replyTo(room.name)}
        aria-controls={found.length ? `${id}-list` : undefined}
        aria-activedescendant={found.length ? `${id}-${picked}` : undefined}
        placeholder={note ? t.noteHolder : t.replyHolder}
        value={text.content}
        onChange={(event) => onType(event.target.value)}
        onKeyDown={onKey}
        onPaste={onPaste}
        readOnly={waits}
      />
      {files.length > 0 && <StagedFiles room={room.id} files={files} onGone={() => field.current?.focus()} say={(text) => setSaid({ text, bad: false })} />}
      {files.length > 0 && note && <p className="small composer-cost">{t.files.notInNote}</p>}
      <p className={said.bad ? 'fault' : 'unseen'} role="status">{said.text}</p>
      {waits && (
        <div className="bar notice" role="status">
          <span className="grow">{t.files.waits}</span>
          <Button onClick={() => { rest(room.id); field.current?.focus(); }}>{t.files.stop}</Button>
        </div>
      )}
      {dropping && <p className="drop-here" aria-hidden="true">{t.files.drop}</p>}
      <div className="bar">
        {!note && <FileButton small label={t.attach} multiple choose={attach} />}
        <span className="grow small muted">{text.content && !text.dirty ? t.saved : ''}</span>
        <Button id="send" look="main" icon={note ? 'note' : 'send'} keys={enterSends && !coarse ? 'Enter' : 'Mod+Enter'} busy={waits && !note} onClick={() => { send(); field.current?.focus(); }}>
          {note ? t.sendNote : t.send}
        </Button>
      </div>
    </section>
  );
}
