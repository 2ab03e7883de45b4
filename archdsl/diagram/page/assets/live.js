"use strict";
// The reload of a page that `archdsl watch --page` serves. The server tells the version of the page
// that it has; a page of another version is loaded anew.
{
const { version } = JSON.parse(document.getElementById("links").textContent);
const status = document.getElementById("live");
const events = new EventSource("/events" + location.search);
events.addEventListener("message", (event) => {
  status.textContent = "live";
  status.className = "connected";
  if (event.data === version) return;
  document.dispatchEvent(new Event("anew"));
  location.reload();
});
events.addEventListener("error", () => {
  status.textContent = "not connected";
  status.className = "";
});
}
