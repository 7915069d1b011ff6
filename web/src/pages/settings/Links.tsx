import { Anchor, List, Text } from '@mantine/core';
import { Panel } from '../../ui/page';

const LINKS: [string, string, string][] = [
  ['/api/docs', 'API', 'read it, and try it out'],
  ['/api/v1/openapi.json', 'OpenAPI description', 'for generating clients'],
  ['/api/errors', 'Error codes', 'what each means, and what to do'],
  ['/metrics', 'Metrics', 'for Prometheus, with a token of any role'],
];

/** What the server has beside these pages. */
export function Links() {
  return (
    <Panel title="More of this server">
      <List size="sm" spacing={4} listStyleType="none">
        {LINKS.map(([href, word, about]) => (
          <List.Item key={href}>
            <Anchor href={href} target="_blank" rel="noreferrer" size="sm">
              {word}
            </Anchor>
            <Text span size="sm" c="dimmed">
              {' '}
              {about}
            </Text>
          </List.Item>
        ))}
      </List>
    </Panel>
  );
}
