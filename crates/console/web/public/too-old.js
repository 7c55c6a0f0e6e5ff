// For: a browser that cannot run the page: it asks the server for the duty phone's number and puts it into the plain text.
// May not know: the page. Written for browsers of 2010; runs everywhere and does nothing once the page has started.
(function () {
  function started() {
    return document.documentElement.getAttribute('data-started') === 'yes';
  }
  function show(number) {
    var places = document.querySelectorAll('.duty-phone');
    for (var i = 0; i < places.length; i += 1) places[i].textContent = number;
  }
  function ask() {
    if (started()) return;
    document.documentElement.className += ' too-old';
    var request = new XMLHttpRequest();
    request.onreadystatechange = function () {
      if (request.readyState !== 4 || request.status !== 200 || started()) return;
      try {
        show(JSON.parse(request.responseText).duty_phone);
      } catch (error) {
        // The number written into the page stays.
      }
    };
    request.open('GET', '/v1/about', true);
    request.send();
  }
  // Long enough for a slow computer to start the page, short enough for somebody in need of a number.
  window.setTimeout(ask, 4000);
})();
