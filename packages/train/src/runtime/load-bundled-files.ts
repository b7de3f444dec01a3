// Loads what a bundler knows of the files that stay outside of a bundle. The only importer of "#bundled-files".

export const loadBundledFiles = () => import('#bundled-files')
