// Shows the document of this door. Nothing is asked of any other server: no validator badge, no remote configuration.
(function () {
  // The theme chosen at the desk of the same door, where one was; else the system's.
  var chosen = null;
  try {
    chosen = localStorage.getItem('anling.theme');
  } catch (error) {
    // A browser that keeps nothing has nothing chosen.
  }
  var system = matchMedia('(prefers-color-scheme: dark)');
  function follow() {
    document.documentElement.classList.toggle('dark-mode', chosen ? chosen === 'dark' : system.matches);
  }
  system.addEventListener('change', follow);
  follow();
})();

SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#doors',
  deepLinking: true,
  validatorUrl: null,
  queryConfigEnabled: false,
  defaultModelsExpandDepth: 0,
  presets: [SwaggerUIBundle.presets.apis],
});
