/** The catalogue: filters through htmx with clean addresses, counts said to screen readers, the roller coaster. */

import { announce } from "./announce.js";
import { buildRide } from "./ride.js";

const form = document.getElementById("filters");

// An empty filter is no filter: it has no place in the address.
form.addEventListener("htmx:configRequest", (event) => {
  const { parameters } = event.detail;
  for (const name of Object.keys(parameters)) if (parameters[name] === "") delete parameters[name];
});
document.getElementById("results").addEventListener("htmx:afterSettle", () => {
  announce(document.querySelector("[data-results-count]").textContent.trim());
});
form.addEventListener("htmx:sendError", () => announce("The server cannot be reached."));

const ride = document.querySelector("[data-ride]");
if (ride) buildRide(ride);
