// The eye and the screen reader go to what is wrong first. On "load", since Django's own script focuses the first field before.
"use strict";
window.addEventListener("load", () => document.getElementById("etalase-errors").focus());
