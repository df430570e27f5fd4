(() => {
  'use strict';
  // A page that somebody reads is not renewed under their hands: they are told that there is more.
  const patience = 8000;
  let touched = 0;
  // The same processor trains, so that most of its time is not to go into new pages.
  const rest = Math.min(60000, 10 * performance.now());
  const opened = Date.now();
  const known = document.querySelector('meta[name="news"]').content;
  const bar = document.createElement('div');
  bar.className = 'live';
  bar.setAttribute('role', 'status');
  const text = document.createElement('span');
  const renew = document.createElement('button');
  renew.type = 'button';
  renew.textContent = 'Show';
  renew.hidden = true;
  renew.addEventListener('click', () => location.reload());
  bar.append(text, renew);
  document.body.append(bar);
  const say = (words, canRenew) => {
    if (text.textContent !== words) text.textContent = words;
    renew.hidden = !canRenew;
  };

  for (const kind of ['pointerdown', 'keydown', 'wheel', 'touchstart']) {
    addEventListener(kind, () => { touched = Date.now(); }, { passive: true });
  }

  const look = async () => {
    try {
      const answer = await fetch('/news' + location.search, { cache: 'no-store' });
      if (!answer.ok) say('This run is not there any more: this is how it stood last.', false);
      else if (await answer.text() === known) say('Live', false);
      else if (Date.now() - touched < patience || 'playing' in document.body.dataset) {
        say('There is more since this page was opened.', true);
      } else if (Date.now() - opened < rest) {
        say(`Comes anew in ${Math.ceil((opened + rest - Date.now()) / 1000)} s.`, true);
      } else {
        location.reload();
      }
    } catch (error) {
      say('The server does not answer: this is how things stood last.', false);
    }
  };
  look();
  setInterval(look, 2000);
})();
