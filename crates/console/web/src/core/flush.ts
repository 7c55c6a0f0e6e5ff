// For: drawing at most once a frame, however many messages arrive; also in a hidden tab, where frames stop.
// May not know: what is drawn.

/** In a hidden tab the page is drawn this often at most. Milliseconds. */
const HIDDEN_MS = 200;

/** A function that asks for `draw` soon; many requests before it become one. */
export function soon(draw: () => void): () => void {
  let asked = false;
  const run = () => {
    if (!asked) return;
    asked = false;
    draw();
  };
  return () => {
    if (asked) return;
    asked = true;
    if (document.hidden) setTimeout(run, HIDDEN_MS);
    else {
      requestAnimationFrame(run);
      // A tab hidden between the request and the frame would otherwise wait until it is shown again.
      setTimeout(run, HIDDEN_MS);
    }
  };
}
