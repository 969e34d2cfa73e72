// Keeps the list of messages up to date: by events where they work, else by
// asking every two seconds. The server renders; this puts in what is new.
const list = document.getElementById('messages');
const status = document.getElementById('status');
const reload = document.getElementById('reload');
let polling = 0;
let busy = false;
let again = false;

function enhance() {
  for (const button of list.querySelectorAll('[data-copy][hidden]')) button.hidden = false;
}

async function refresh() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  try {
    do {
      again = false;
      const response = await fetch('/outbox/list' + location.search, { cache: 'no-store' });
      if (!response.ok) throw new Error(String(response.status));
      apply(new DOMParser().parseFromString(await response.text(), 'text/html').body);
    } while (again);
  } finally {
    busy = false;
  }
}

// apply adds what is new and takes away what is gone. What is there already
// stays untouched, so that an opened e-mail remains open.
function apply(next) {
  const wanted = new Map([...next.children].map((e) => [e.id, e]));
  for (const old of [...list.children]) {
    if (!wanted.has(old.id) || old.id === 'more') old.remove();
  }
  let before = list.firstElementChild;
  for (const [id, element] of wanted) {
    if (before && before.id === id) before = before.nextElementSibling;
    else list.insertBefore(document.importNode(element, true), before);
  }
  enhance();
}

function poll() {
  if (polling) return;
  status.textContent = 'Checking every two seconds.';
  polling = setInterval(() => refresh().catch(() => {
    status.textContent = 'The server does not answer. Trying again.';
  }), 2000);
}

function live() {
  status.textContent = 'Live.';
  clearInterval(polling);
  polling = 0;
  refresh().catch(poll);
}

list.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = 'Copied';
  } catch {
    button.textContent = 'Select the code to copy it';
    getSelection().selectAllChildren(button.closest('article').querySelector('.code'));
  }
  setTimeout(() => { button.textContent = label; }, 2000);
});

enhance();
reload.hidden = true;
if ('EventSource' in window) {
  const events = new EventSource('/outbox/events');
  events.addEventListener('open', live);
  events.addEventListener('message', () => refresh().catch(poll));
  events.addEventListener('clear', () => refresh().catch(poll));
  events.addEventListener('error', poll);
} else {
  poll();
}
