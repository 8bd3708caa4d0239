import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['dist/', 'resources/', 'node_modules/', '.data/', '.cache/'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { project: ['./tsconfig.test.json', './tsconfig.editor.json'] } },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      eqeqeq: 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      // The library never knows Node-RED, so that all of it can be tested without a runtime.
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ['node-red', 'node-red/*', '@node-red/*', '**/nodes/**'],
              message: 'src/ does not know Node-RED',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unused-expressions': 'off',
    },
  },
  { files: ['**/*.{mjs,cjs}', 'deploy/container/*.js'], ...tseslint.configs.disableTypeChecked },
  { files: ['**/*.cjs', 'deploy/container/*.js'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
)
