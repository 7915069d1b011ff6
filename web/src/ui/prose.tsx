/** A sentence of the server: what stands in backticks is shown as code. */
export function Prose({ text }: { text: string }) {
  const parts = text.replace(/\s*\n\s*/g, ' ').split('`');
  return (
    <>
      {parts.map((part, n) =>
        n % 2 === 1 ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: the parts never change their order
          <span key={n} className="mono" style={{ fontSize: '0.95em' }}>
            {part}
          </span>
        ) : (
          part
        ),
      )}
    </>
  );
}
