// jsPsych as its documentation shows it: images preloaded, then one trial each.
const { plannedMs, images } = window.witnessOptions;
const jsPsych = initJsPsych({
  display_element: "target",
  on_finish: () => {
    document.title = "finished";
  },
});
const timeline = plannedMs.map((ms, index) => ({
  type: jsPsychImageKeyboardResponse,
  stimulus: images[index % images.length],
  choices: "NO_KEYS",
  stimulus_duration: ms,
  trial_duration: ms + 150,
  post_trial_gap: 250,
}));
jsPsych.pluginAPI.preloadImages(images, () => jsPsych.run(timeline));
