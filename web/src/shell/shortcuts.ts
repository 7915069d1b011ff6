import { spotlight } from '@mantine/spotlight';
import { useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { PLACES, SETTINGS } from './nav';

/** The second letter must follow the `g` within this time, in milliseconds. */
const PAIR_WITHIN = 1_200;

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      /^(TEXTAREA|SELECT)$/.test(target.tagName) ||
      (target instanceof HTMLInputElement && !/^(checkbox|radio|button)$/.test(target.type)))
  );
}

/** Ctrl K opens the palette, `/` searches, `?` tells of the keys, `g` and a letter go to a page. */
export function useShortcuts(tellKeys: () => void) {
  const navigate = useNavigate();
  useEffect(() => {
    let pressedG = 0;
    function pressed(event: KeyboardEvent) {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        spotlight.toggle();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (event.key === '/') {
        event.preventDefault();
        const field = document.querySelector<HTMLInputElement>('input[data-search]');
        if (field) field.focus();
        else spotlight.open();
        return;
      }
      if (event.key === '?') {
        tellKeys();
        return;
      }
      if (event.key === 'g') {
        pressedG = event.timeStamp;
        return;
      }
      const isPair = pressedG > 0 && event.timeStamp - pressedG < PAIR_WITHIN;
      pressedG = 0;
      const place = isPair && [...PLACES, ...SETTINGS].find(({ key }) => key === event.key);
      if (place) void navigate({ to: place.to });
    }
    window.addEventListener('keydown', pressed);
    return () => window.removeEventListener('keydown', pressed);
  }, [navigate, tellKeys]);
}
