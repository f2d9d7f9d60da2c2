// What pages can do a little better with a script. All of them work without it.
"use strict";

// Nobody schedules twice by clicking twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// Whoever looks at the end of a log stays there while it grows.
document.addEventListener("htmx:sse:before:message", (event) => {
  if (!event.target.matches("[data-tail]")) return;
  const left = document.documentElement.scrollHeight - window.scrollY - window.innerHeight;
  event.target.dataset.tail = left < 120 ? "end" : "";
});
document.addEventListener("htmx:sse:after:message", (event) => {
  if (event.target.matches('[data-tail="end"]')) window.scrollTo(0, document.documentElement.scrollHeight);
});
