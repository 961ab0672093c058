// The console works without this script. It ends an idle page, keeps a form from being sent twice, and leads to errors.
"use strict";

// A page that nobody uses must not stay readable: when the session has ended, go to the log-in form.
const idleSeconds = Number(document.body.dataset.idleSeconds || 0);
if (idleSeconds > 0) {
  const shownAt = Date.now();
  const look = () => {
    if (Date.now() - shownAt >= idleSeconds * 1000) {
      document.body.hidden = true;
      location.replace(document.body.dataset.login);
    }
  };
  setInterval(look, 5000);
  document.addEventListener("visibilitychange", look);
}

// A page from the history of the browser may belong to a session that has ended: ask the node again.
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.reload();
  }
});

// One press of a button is one request.
for (const form of document.querySelectorAll('form[method="post"]')) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
    }
    form.dataset.sent = "yes";
  });
}

// A person with a screen reader or a keyboard gets to the error first.
const error = document.getElementById("error");
if (error) {
  error.focus();
}
