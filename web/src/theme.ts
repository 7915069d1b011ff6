import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core';

/** The one accent. Every other colour tells a state. */
const ink: MantineColorsTuple = [
  '#eef0fb',
  '#dcdff5',
  '#b7bdec',
  '#a5ade8',
  '#8f99e3',
  '#5a67d6',
  '#4856c8',
  '#3b4cc0',
  '#33419f',
  '#2a367f',
];

/** Greys with a little blue, for the dark look; the light one has its own in styles.css. */
const dark: MantineColorsTuple = [
  '#e3e6ea',
  '#c3c9d3',
  '#a3acba',
  '#7b8494',
  '#4a515c',
  '#3a4049',
  '#23272e',
  '#1b1e23',
  '#16181c',
  '#111316',
];

/** For what cannot be taken back and for problems: dark enough for white text, light enough for black. */
const red: MantineColorsTuple = [
  '#fff0f0',
  '#fbdcdc',
  '#f5b8b8',
  '#f29a9a',
  '#f38585',
  '#f47272',
  '#d93a3a',
  '#c62b2b',
  '#a92323',
  '#8d1c1c',
];

export const theme = createTheme({
  primaryColor: 'ink',
  primaryShade: { light: 7, dark: 5 },
  colors: { ink, red, dark },
  autoContrast: true,
  defaultRadius: 'sm',
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "'JetBrains Mono Variable', ui-monospace, monospace",
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.25rem' },
  headings: {
    fontWeight: '600',
    sizes: { h1: { fontSize: '1.375rem' }, h2: { fontSize: '1.0625rem' }, h3: { fontSize: '0.9375rem' } },
  },
  components: {
    Modal: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } },
    Notification: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } },
    Alert: { styles: { label: { color: 'var(--mantine-color-text)' } } },
    Badge: { defaultProps: { tt: 'none' } },
    // What a field is for stands below it, so that fields beside each other are in line.
    InputWrapper: { defaultProps: { inputWrapperOrder: ['label', 'input', 'description', 'error'] } },
    Autocomplete: { defaultProps: { size: 'xs' } },
    TagsInput: { defaultProps: { size: 'xs' } },
    PasswordInput: { defaultProps: { size: 'xs' } },
    Button: { defaultProps: { size: 'xs' } },
    TextInput: { defaultProps: { size: 'xs' } },
    Select: { defaultProps: { size: 'xs' } },
    MultiSelect: { defaultProps: { size: 'xs' } },
    NumberInput: { defaultProps: { size: 'xs' } },
    Textarea: { defaultProps: { size: 'xs' } },
    SegmentedControl: { defaultProps: { size: 'xs' } },
    Tooltip: { defaultProps: { openDelay: 300 } },
  },
});

/** Frames of notices have the colours of states. */
const OUTLINES = {
  '--mantine-color-red-outline': 'var(--state-failed)',
  '--mantine-color-yellow-outline': 'var(--state-partial)',
  '--mantine-color-green-outline': 'var(--state-completed)',
  '--mantine-color-gray-outline': 'var(--state-muted)',
};

/** What the colours of the theme become in each look, so that all text can be read. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-text': '#1c2129',
    '--mantine-color-dimmed': '#5a6371',
    ...OUTLINES,
  },
  dark: {
    '--mantine-color-body': '#16181c',
    '--mantine-color-text': '#e3e6ea',
    '--mantine-color-dimmed': '#a3acba',
    '--mantine-color-anchor': '#8f99e3',
    ...OUTLINES,
    '--mantine-color-ink-light': '#262b47',
    '--mantine-color-ink-light-hover': '#2c3254',
    '--mantine-color-ink-light-color': '#c7ccf2',
  },
});
