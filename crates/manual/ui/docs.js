// Shows the document of this door. Nothing is asked of any other server: no validator badge, no remote configuration.
SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#doors',
  deepLinking: true,
  validatorUrl: null,
  queryConfigEnabled: false,
  defaultModelsExpandDepth: 0,
  presets: [SwaggerUIBundle.presets.apis],
});
